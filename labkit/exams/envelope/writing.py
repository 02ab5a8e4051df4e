"""Write ``submission.zip``: what was handed in, and a manifest with the digest of every file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from labkit.evidence.entry import canonical, digest_of

__all__ = ["seal"]

_WHEN = (1980, 1, 1, 0, 0, 0)


def seal(files: Mapping[str, bytes], about: Mapping[str, Any]) -> bytes:
    """Return the archive, the same bytes for the same content.

    Parameters
    ----------
    files : mapping of str to bytes
        Members by name: ``form.json``, ``form.sig.json``, ``log.jsonl``, ``answers.json``,
        ``hand_ins/T5/hand_in.json``, ``hand_ins/T5/tensors.safetensors``, ``exam.ipynb``.
    about : mapping
        ``session``, ``nonce``, ``form_sha256``, ``log_head`` and ``submitted_at``.
    """
    listed = {name: {"sha256": digest_of(content), "size": len(content)} for name, content in files.items()}
    manifest = canonical({"version": 1, **about, "files": listed})
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in [("manifest.json", manifest), *sorted(files.items())]:
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o100600 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
