"""Programs that run inside a stack: health checks, proofs, and following an application.

The control program packs this folder together with jobs/common and runs it in a node, so that the control machine
needs no client of Kafka, Cassandra or Hadoop, and a stack on another machine is asked in the same way.
"""
