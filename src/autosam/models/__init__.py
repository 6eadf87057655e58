"""Frozen SAMs, prompt encoders and what is built of them."""

import os

from autosam.core.files import cache_folder

# Importing transformers, or making an optimiser, makes torch make this folder; it would else stay in the temporary one.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
