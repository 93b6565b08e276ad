import binbus.feed.v1.FeedGrpc;
import binbus.feed.v1.FeedOuterClass.*;
import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Prints all rows of the tables of "shop", then every change of them; started again, it goes on where it was. */
class Follow {
    static final Set<Status.Code> NO_OTHER_TRY_MENDS = Set.of(Status.Code.UNAUTHENTICATED, Status.Code.INVALID_ARGUMENT,
            Status.Code.NOT_FOUND, Status.Code.OUT_OF_RANGE, Status.Code.FAILED_PRECONDITION);

    final Start.Builder start = Start.newBuilder()
            .setStream("shop")
            .setFrom("snapshot") // for the first time: then the cursor says where
            .setCursor("my-app")
            .setClient("my-app-" + UUID.randomUUID()) // who comes again gets its cursor back
            .setFilter(Filter.newBuilder().addTables("shop.*"));

    final Map<Integer, Table> tables = new HashMap<>(); // by their ids, which are good in one call only
    String committed = "";
    StreamObserver<SubscribeRequest> requests;

    /** usage: Follow HOST:PORT... */
    public static void main(String[] addresses) throws InterruptedException {
        Follow follow = new Follow();
        for (int attempt = 0; ; attempt++) {
            String address = addresses[attempt % addresses.length];
            ManagedChannel channel = NettyChannelBuilder.forTarget(address).usePlaintext()
                    .maxInboundMessageSize(Integer.MAX_VALUE) // rows may be long
                    .keepAliveTime(10, TimeUnit.SECONDS).keepAliveTimeout(3, TimeUnit.SECONDS).build();
            Status ended = follow.read(FeedGrpc.newStub(channel));
            channel.shutdownNow();
            System.err.println(address + ": " + ended);
            if (NO_OTHER_TRY_MENDS.contains(ended.getCode())) System.exit(1);
            Thread.sleep(200);
        }
    }

    /** Takes what a node tells until the call ends. */
    Status read(FeedGrpc.FeedStub node) {
        CompletableFuture<Status> ended = new CompletableFuture<>();
        tables.clear();
        requests = node.subscribe(new StreamObserver<>() {
            @Override public void onNext(SubscribeResponse response) { take(response); }
            @Override public void onError(Throwable broken) { ended.complete(Status.fromThrowable(broken)); }
            @Override public void onCompleted() { ended.complete(Status.OK); }
        });
        requests.onNext(SubscribeRequest.newBuilder().setStart(start).build());
        return ended.join();
    }

    /** Prints it. How far it has come it notes in `start`: from there the next call goes on. */
    void take(SubscribeResponse response) {
        switch (response.getMessageCase()) {
            case WAITING -> System.err.println(response.getWaiting().getReason());
            case SNAPSHOT_BEGIN -> {
                if (response.getSnapshotBegin().getAnew()) System.out.println("RESET"); // what was printed of it is void
            }
            case BATCH -> {
                for (Table table : response.getBatch().getTablesList()) {
                    tables.put(table.getId(), table);
                }
                for (Change change : response.getBatch().getChangesList()) {
                    print(change, tables.get(change.getTable()));
                    start.setResume(change.getPosition());
                }
            }
            case SNAPSHOT_END -> start.setResume(response.getSnapshotEnd().getPosition());
            case HEARTBEAT -> start.setResume(response.getHeartbeat().getPosition());
            default -> { }
        }
        if (!start.getResume().equals(committed)) {
            committed = start.getResume();
            requests.onNext(SubscribeRequest.newBuilder().setCommit(Commit.newBuilder().setPosition(committed)).build());
        }
    }

    static void print(Change change, Table table) {
        if (change.getOperation() == Operation.DDL) {
            System.out.println("DDL " + change.getDdl().getStatement());
            return;
        }
        for (long i = 0; i == 0 || i < change.getCopies(); i++) { // several: of a table without a key
            System.out.println(change.getOperation() + " " + table.getDatabase() + "." + table.getTable() + " "
                    + text(change.getBefore(), table) + " -> " + text(change.getAfter(), table));
        }
    }

    static List<String> text(Row row, Table table) {
        List<String> values = new ArrayList<>();
        for (ByteString value : row.getValuesList()) {
            values.add(table.getColumns(values.size()).getName() + "=" + value.toStringUtf8());
        }
        for (int i : row.getNullsList()) values.set(i, table.getColumns(i).getName() + "=NULL");
        return values;
    }
}
