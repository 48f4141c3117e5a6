"""Adds the 100 tensors of an adapter to a safetensors file the usual way: load all, save all.

Usage: load_and_save.py numpy|torch SOURCE TARGET
"""

import importlib
import sys

framework, source, target = sys.argv[1:]
package = importlib.import_module(framework)
library = importlib.import_module(f"safetensors.{framework}")
tensors = library.load_file(source)
for i in range(100):
    name = f"encoder.layer.{i}.tiny_attn.weight"
    tensors[name] = package.zeros((4, 1024), dtype=package.float32)
library.save_file(tensors, target, metadata={"format": "pt"})
