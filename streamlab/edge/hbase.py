"""HBase's proof: a row of a table of its own, through the Thrift gateway, whose first connection starts it."""

from __future__ import annotations

from contextlib import closing

from common.settings import load_info

from .proof import Proof, Wrong


def prove_hbase(proof: Proof) -> str:
    from common.hbase import HBase  # not at the top: a stack without HBase does not have its client

    row = {proof.token: {"f:value": "42"}}

    def round_trip() -> str:
        with closing(HBase(load_info().hbase)) as hbase:
            hbase.create_table(proof.token, ["f"])
            try:
                hbase.put(proof.token, row)
                found = hbase.rows(proof.token)
            finally:
                hbase.drop_table(proof.token)
        if found != row:
            raise Wrong(f"one row was put, {found} was scanned")
        return "put and scanned a row"

    return proof.until(round_trip)
