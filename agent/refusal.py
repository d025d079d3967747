# SPDX-License-Identifier: Apache-2.0
"""What we refuse to do, said so that a person can act on it."""


class Refusal(Exception):
    """Bad input or something not permitted: what happened, what it means, what to do next.

    `permitted` is False where the input is well-formed but lies outside what is allowed.
    """

    def __init__(self, ja: str, en: str, *, permitted: bool = True) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en
        self.permitted = permitted
