"""The portal: who somebody is, and which pages they may open. Runs behind nginx, on a Unix socket."""
