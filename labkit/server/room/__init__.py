"""A class on one server: who is in it, what each may reach, and what the instructor does.

``labkit serve`` makes a :class:`Room`; a server of one's own (``labkit lab``) has none.
"""

from labkit.server.room.access import RoomAuthorizer, may_use
from labkit.server.room.bulletin import Bulletin, Message
from labkit.server.room.channels import GuardedConnection
from labkit.server.room.identity import RoomIdentity
from labkit.server.room.pages import InstructorPage
from labkit.server.room.room import Room

__all__ = [
    "Bulletin",
    "GuardedConnection",
    "InstructorPage",
    "Message",
    "Room",
    "RoomAuthorizer",
    "RoomIdentity",
    "may_use",
]
