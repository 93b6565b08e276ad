// go-mysql's replication client, the reader of many Go programs. See ../README.md for the arguments.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

func begin(syncer *replication.BinlogSyncer, flavor, start string) (*replication.BinlogStreamer, error) {
	if !strings.HasPrefix(start, "gtid:") {
		return syncer.StartSync(mysql.Position{Name: start, Pos: 4})
	}
	gtids, err := mysql.ParseGTIDSet(flavor, strings.TrimPrefix(start, "gtid:"))
	if err != nil {
		return nil, err
	}
	return syncer.StartSyncGTID(gtids)
}

func main() {
	flavor, start := os.Args[5], os.Args[6]
	port, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 4_000_000_102, Flavor: flavor, Host: os.Args[1], Port: uint16(port), User: os.Args[3], Password: os.Args[4],
		HeartbeatPeriod: time.Second, VerifyChecksum: true})
	events, err := begin(syncer, flavor, start)
	if err != nil {
		log.Fatal(err)
	}
	var inserts, updates, deletes int
	for {
		event, err := events.GetEvent(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		rows, ok := event.Event.(*replication.RowsEvent)
		if !ok {
			continue
		}
		switch event.Header.EventType {
		case replication.WRITE_ROWS_EVENTv1, replication.WRITE_ROWS_EVENTv2:
			if string(rows.Table.Table) == "end_" {
				fmt.Printf("{\"insert\": %d, \"update\": %d, \"delete\": %d}\n", inserts, updates, deletes)
				syncer.Close()
				return
			}
			inserts += len(rows.Rows)
		case replication.UPDATE_ROWS_EVENTv1, replication.UPDATE_ROWS_EVENTv2:
			updates += len(rows.Rows) / 2
		case replication.DELETE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv2:
			deletes += len(rows.Rows)
		}
	}
}
