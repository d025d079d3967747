# SPDX-License-Identifier: Apache-2.0
"""A scan of the virtual hospital, kept so that the made-up hospital can be looked at where none can be built.

`python -m deploy.demo_recording LEDGER` writes the recording anew from a ledger that `bash deploy/run.sh` made.
"""

import gzip
import sys
from pathlib import Path

from msgspec import structs

from inventory_db import observations
from inventory_db.tables import look_at
from probes.facts import Observation, Upload, decode_upload, encode

_FILE = Path(__file__).with_name("demo_recording.json.gz")
_HOST = "daicho-agent"  # instead of the name of the machine that scanned


def recorded() -> Upload:
    """Give the one scan of the recording with all that was seen and sent in it."""
    return decode_upload(gzip.decompress(_FILE.read_bytes()))


def main() -> None:
    """Write the recording from the newest scan of a ledger."""
    engine = look_at(Path(sys.argv[1]))
    with engine.connect() as connection:
        scan = observations.last_scan(connection)
        if scan is None:
            sys.exit("no scan in this ledger")
        seen = [one for one in observations.load(connection) if one.scan == scan.id]
        texts = observations.load_transcripts(connection, [one.id for one in seen])
        upload = Upload(
            scans=(scan,),
            vantages=tuple(structs.replace(one, host=_HOST) for one in observations.vantages(connection)),
            observations=tuple(_whole(one, texts.get(one.id, "")) for one in seen),
            sent=tuple(one for one in observations.journal(connection) if one.scan == scan.id),
        )
    engine.dispose()
    _FILE.write_bytes(gzip.compress(encode(upload), mtime=0))


def _whole(one: observations.Stored, transcript: str) -> Observation:
    fields = {name: getattr(one, name) for name in Observation.__struct_fields__}
    return Observation(**fields | {"transcript": transcript})


if __name__ == "__main__":
    main()
