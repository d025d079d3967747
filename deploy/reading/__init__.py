# SPDX-License-Identifier: Apache-2.0
"""What `daicho read` can read: one file per input, found by place; the file's name is the option's.

Each offers `read(files, progress) -> Iterator[dict]`: JSON-able rows in the order of the sources, each
with `source`, `device` (or `devices`), `facts` and `errors` (sentences "日本語 / English"). A reader
survives any content, needs bounded memory for any size, and tells `progress` the bytes it has read.
Files are there and may be opened when it is called.
"""
