"""Floor 3: the evidence pack, which a participant takes home."""

from labkit.evidence.entry import Artifact, Evidence
from labkit.evidence.pack import EvidencePack

__all__ = ["Artifact", "Evidence", "EvidencePack"]
