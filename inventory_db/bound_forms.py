# SPDX-License-Identifier: Apache-2.0
"""The last bound forms of SELECT statements by their shape, so that a statement is limited to a facility once.

SQLAlchemy gives every statement a key that says everything but its values, and the values in the order of that key.
A form that was made for the same key and facility is executed with those values. Where the two lists do not fit
together the statement gets a form of its own, as before.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

_MOST = 1000  # forms kept


class BoundForms:
    """Bound forms by key and facility; the oldest that nobody asked for is forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], tuple[Any, tuple[str, ...]]] = OrderedDict()
        self._door = threading.Lock()

    def find(
        self, statement: Any, facility: int | None, make: Callable[[], Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Give the statement's form for a facility and the values to execute it with."""
        shape = statement._generate_cache_key()
        if shape is None:
            return make(), {}
        key = (shape.key, facility, *sorted(statement.get_execution_options().items()))
        with self._door:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
        if found is None:
            form = make()
            names = _names(form)
            if len(names) != len(shape.bindparams):
                return form, {}
            found = self._keep(key, (form, names))
        return found[0], dict(zip(found[1], (one.effective_value for one in shape.bindparams), strict=True))

    def _keep(self, key: tuple[Any, ...], found: tuple[Any, tuple[str, ...]]) -> tuple[Any, tuple[str, ...]]:
        with self._door:
            self._known[key] = found
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found


def _names(form: Any) -> tuple[str, ...]:
    """Give the names of a form's values in the order of its own key."""
    shape = form._generate_cache_key()
    return () if shape is None else tuple(one.key for one in shape.bindparams)
