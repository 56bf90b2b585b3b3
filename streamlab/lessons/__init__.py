"""What runs: jobs, their presets and bundles, and exercises. Nothing here asks a cluster."""
