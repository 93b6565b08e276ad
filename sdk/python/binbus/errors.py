"""What can go wrong that trying again does not mend."""

import grpc

# What another try, or another node, may mend; also the end of a call that nobody asked for.
PASSING = {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL,
           grpc.StatusCode.ABORTED, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}


class Error(Exception):
    """`code`: gRPC's name of it, as "INVALID_ARGUMENT"; the text says what, where, and how to mend it."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class PurgedError(Error):
    """What is to be read next is no longer in the log: begin anew, with start="snapshot"."""


def error_of(code, text):
    return (PurgedError if code == grpc.StatusCode.OUT_OF_RANGE else Error)(code.name, text)
