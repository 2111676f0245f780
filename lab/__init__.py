"""QLoRA Lab: turn an open LLM into a label classifier or an instruction follower, and compare honestly."""

import logging
import os

# Read once, when torch loads its OpenMP. By default its idle threads spin, so that two busy processes on the same cores
# (a training and an evaluation, say) slow each other down many times over; these sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# bitsandbytes recommends an optional kernel whenever it is loaded.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
