"""What runs: jobs, their presets and bundles, and why one failed. Nothing here asks a cluster."""
