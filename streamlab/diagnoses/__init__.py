"""Why an application stands still or failed, told from facts and logs. Nothing here asks a cluster."""
