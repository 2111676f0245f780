"""How long the page takes to be ready, and its memory, against a bare Gradio page: `python tests/benchmarks/page_start.py`."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BARE = """
import gradio as gr
with gr.Blocks(analytics_enabled=False) as page:
    gr.Textbox()
_, address, _ = page.launch(quiet=True, ssr_mode=False, prevent_thread_lock=True)
print(f"ready: {address}", flush=True)
page.block_thread()
"""


def start(command: list[str]) -> tuple[float, float]:
    """Seconds until a page says that it is ready, and the MB that it holds then."""
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if "ready:" in line:
                break
        taken = time.monotonic() - begun
        status = Path(f"/proc/{process.pid}/status").read_text()
        return taken, int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7, help="how often each is started, in turn")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as home:
        pages = {
            "bare Gradio": [sys.executable, "-c", BARE],
            "the lab": [sys.executable, "app.py", "--home", home, "--port", "0"],
        }
        for command in pages.values():
            start(command)  # warms the file cache; not counted
        taken = {name: [] for name in pages}
        for _ in range(times):
            for name, command in pages.items():
                taken[name].append(start(command))
    middle = {name: statistics.median(seconds for seconds, _ in runs) for name, runs in taken.items()}
    for name, runs in taken.items():
        seconds = ", ".join(f"{seconds:.2f}" for seconds, _ in runs)
        print(f"{name}: {middle[name]:.2f} s ({seconds}), at most {max(megabytes for _, megabytes in runs):.0f} MB")
    print(f"ratio: {middle['the lab'] / middle['bare Gradio']:.2f}")


if __name__ == "__main__":
    main()
