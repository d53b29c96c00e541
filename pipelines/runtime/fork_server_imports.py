"""What the fork server imports when it starts, as `import_in_fork_server` asked it to.

The one module that does something when it is imported, because a fork server can be told nothing but what to import.
The garbage collector rests meanwhile: it would look through all that libraries make of functions and classes again and
again. What is there then is kept from it for good, in forked processes too.
"""

import contextlib
import gc
import importlib
import os

from pipelines.runtime.workers import MODULES_VARIABLE

gc.disable()
for module in os.environ.get(MODULES_VARIABLE, "").split():
    with contextlib.suppress(ImportError):  # as the fork server has it: who needs it says what is missing
        importlib.import_module(module)
gc.freeze()
gc.enable()
