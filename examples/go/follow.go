// Prints all rows of the tables of "shop", then every change of them; started again, it goes on where it was.
// usage: follow HOST:PORT...
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"follow/feed"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

//go:generate protoc --proto_path=../../sdk/proto --go_out=Mbinbus/feed/v1/feed.proto=./feed:. --go-grpc_out=Mbinbus/feed/v1/feed.proto=./feed:. binbus/feed/v1/feed.proto

func main() {
	start := &feed.Start{
		Stream: "shop",
		From:   "snapshot", // for the first time: then the cursor says where
		Cursor: "my-app",
		Client: fmt.Sprintf("my-app-%d-%d", os.Getpid(), time.Now().Unix()), // who comes again gets its cursor back
		Filter: &feed.Filter{Tables: []string{"shop.*"}},
	}
	for try := 0; ; try++ {
		address := os.Args[1+try%(len(os.Args)-1)]
		err := follow(address, start)
		log.Printf("%s: %v", address, err)
		switch status.Code(err) {
		case codes.Unauthenticated, codes.InvalidArgument, codes.NotFound, codes.OutOfRange, codes.FailedPrecondition:
			os.Exit(1) // another try does not mend it
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// follow prints what a node tells until the connection breaks. What it takes it notes in start.Resume: from there it goes on.
func follow(address string, start *feed.Start) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)), // rows may be long
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}))
	if err != nil {
		return err
	}
	defer connection.Close()
	call, err := feed.NewFeedClient(connection).Subscribe(context.Background())
	if err != nil {
		return err
	}
	call.Send(&feed.SubscribeRequest{Message: &feed.SubscribeRequest_Start{Start: start}}) // what goes wrong Recv tells
	tables, committed := map[uint32]*feed.Table{}, ""
	for {
		response, err := call.Recv()
		if err != nil {
			return err
		}
		switch message := response.Message.(type) {
		case *feed.SubscribeResponse_Waiting:
			log.Print(message.Waiting.Reason)
		case *feed.SubscribeResponse_SnapshotBegin:
			if message.SnapshotBegin.Anew {
				fmt.Println("RESET") // what was printed of the snapshot is void
			}
		case *feed.SubscribeResponse_Batch:
			for _, table := range message.Batch.Tables {
				tables[table.Id] = table
			}
			for _, change := range message.Batch.Changes {
				print(change, tables[change.Table])
				start.Resume = change.Position
			}
		case *feed.SubscribeResponse_SnapshotEnd:
			start.Resume = message.SnapshotEnd.Position
		case *feed.SubscribeResponse_Heartbeat:
			start.Resume = message.Heartbeat.Position
		}
		if start.Resume != committed {
			committed = start.Resume
			call.Send(&feed.SubscribeRequest{Message: &feed.SubscribeRequest_Commit{Commit: &feed.Commit{Position: committed}}})
		}
	}
}

func print(change *feed.Change, table *feed.Table) {
	if change.Operation == feed.Operation_DDL {
		fmt.Println("DDL", change.Ddl.Statement)
		return
	}
	for i := uint64(0); i == 0 || i < change.Copies; i++ { // several: of a table without a key
		fmt.Println(change.Operation, table.Database+"."+table.Table, text(change.Before, table), "->", text(change.After, table))
	}
}

func text(row *feed.Row, table *feed.Table) (values []string) {
	for i, value := range row.GetValues() {
		values = append(values, table.Columns[i].Name+"="+string(value))
	}
	for _, i := range row.GetNulls() {
		values[i] = table.Columns[i].Name + "=NULL"
	}
	return values
}
