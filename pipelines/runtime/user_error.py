"""The exception whose message is for the user."""


class UserError(ValueError):
    """A user's mistake or a fact of the data, as a sentence.

    The message names the file or setting, the rule, the value found and what to do. A stage prints
    it after its own name and ends with status 1; no traceback is shown.
    """
