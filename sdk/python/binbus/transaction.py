"""Changes that were committed together."""


class Transaction(list):
    """Its changes, without "begin" and "commit". What is of no transaction (a row of the snapshot, "reset", "snapshot_end") is one by itself.

    last    its "commit", or the one change
    """

    def __init__(self, changes, last):
        super().__init__(changes)
        self.last = last

    gtid = property(lambda self: self.last.gtid)
    commit_time = property(lambda self: self.last.commit_time)
    position = property(lambda self: self.last.position)

    def commit(self):
        """All up to its end is done: see Change.commit()."""
        self.last.commit()
