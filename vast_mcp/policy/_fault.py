"""The one error of a policy's readers."""


class Fault(Exception):
    """One thing in a policy that cannot be used; the text names the key and the trouble."""
