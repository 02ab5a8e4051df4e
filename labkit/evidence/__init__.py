"""Floor 3: the evidence pack, which a participant takes home."""

from labkit.evidence.pack import Artifact, Evidence, EvidencePack

__all__ = ["Artifact", "Evidence", "EvidencePack"]
