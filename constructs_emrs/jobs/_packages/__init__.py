"""Gets Python packages with uv for another machine, and packs them."""
