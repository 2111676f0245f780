"""QLoRA Lab: turn an open LLM into a label classifier or an instruction follower, and compare honestly."""
