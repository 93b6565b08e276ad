import com.github.shyiko.mysql.binlog.BinaryLogClient;
import com.github.shyiko.mysql.binlog.event.*;

/** mysql-binlog-connector-java, the reader of Debezium and Maxwell, as it is by default. See README.md for the arguments. */
class Reader {
  static long inserts, updates, deletes;
  static long endTable = -1;

  public static void main(String[] arguments) throws Exception {
    var client = new BinaryLogClient(arguments[0], Integer.parseInt(arguments[1]), arguments[2], arguments[3]);
    client.setServerId(4_000_000_101L);
    String start = arguments[5];
    if (start.startsWith("gtid:")) {
      client.setGtidSet(start.substring(5));
    } else {
      client.setBinlogFilename(start);
      client.setBinlogPosition(4);
    }
    client.registerLifecycleListener(new BinaryLogClient.AbstractLifecycleListener() {
      @Override
      public void onEventDeserializationFailure(BinaryLogClient client, Exception error) { fail(error); }

      @Override
      public void onCommunicationFailure(BinaryLogClient client, Exception error) { fail(error); }
    });
    client.registerEventListener(event -> count(event.getData()));
    client.connect(120_000);  // so it keeps the connection alive, as its users have it
  }

  static void count(EventData data) {
    if (data instanceof TableMapEventData table && table.getTable().equals("end_")) endTable = table.getTableId();
    if (data instanceof WriteRowsEventData rows) {
      if (rows.getTableId() == endTable) {
        System.out.printf("{\"insert\": %d, \"update\": %d, \"delete\": %d}%n", inserts, updates, deletes);
        System.exit(0);
      }
      inserts += rows.getRows().size();
    }
    if (data instanceof UpdateRowsEventData rows) updates += rows.getRows().size();
    if (data instanceof DeleteRowsEventData rows) deletes += rows.getRows().size();
  }

  static void fail(Exception error) {
    error.printStackTrace();
    System.exit(1);
  }
}
