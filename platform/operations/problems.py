"""What stops a start."""


class CannotStart(Exception):
    """The site can't be started; the message is one sentence that names the cause and what to do next."""
