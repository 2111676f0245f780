"""The page in the browser, one module for each tab. What it may do stands in `access`, how it looks in `look`."""

import os

# Read when gradio and huggingface_hub are first imported, which only modules of this package and app.py do.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
