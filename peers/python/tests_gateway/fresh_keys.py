"""A hook of Schemathesis: each request with a good Idempotency-Key has one that was never used.

The short ones that it makes come again, and then what was deleted since is answered as if it had just been made: as it
should be, and no fault."""

import re
import uuid
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_context: Any, case: Any, _settings: Any) -> None:
    if re.fullmatch("[!-~]{1,64}", str((case.headers or {}).get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
