"""All rows of some tables as of one moment, then every change after it.

    import binbus
    client = binbus.connect("127.0.0.1:7272")
    for change in client.subscribe("shop", tables=["shop.*"], start="snapshot", cursor="my-app"):
        print(change.op, change.table, change.key, change.after)
        change.commit()
"""

from .change import Change, Json, Table
from .client import Client, connect
from .errors import Error, PurgedError
from .subscription import Subscription
from .transaction import Transaction

__all__ = ["Change", "Client", "Error", "Json", "PurgedError", "Subscription", "Table", "Transaction", "connect"]
