"""What all lessons share: paths and endpoints, clients of the cluster's services, streaming, checks, and the launcher.

Everything but `spark`, `streams` and `launch` runs without pyspark, because the edge node's commands use it too.
"""
