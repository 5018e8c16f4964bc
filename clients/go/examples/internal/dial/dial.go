// Package dial connects the examples.
package dial

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// Client returns a client on a connection of its own, and what ends both. It
// reads NATS_URL, NATS_USER, NATS_PASSWORD and NATS_INBOX_PREFIX, whose default is
// _INBOX.client for the user client.
func Client() (*fastembed.Client, func(), error) {
	user := os.Getenv("NATS_USER")
	opts := []nats.Option{nats.Name("fastembed example"), nats.Timeout(5 * time.Second)}
	if user != "" {
		opts = append(opts, nats.UserInfo(user, os.Getenv("NATS_PASSWORD")))
	}
	inbox := os.Getenv("NATS_INBOX_PREFIX")
	if inbox == "" && user == "client" {
		inbox = "_INBOX.client"
	}
	if inbox != "" {
		opts = append(opts, nats.CustomInboxPrefix(inbox))
	}
	nc, err := nats.Connect(cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL), opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("no connection to NATS: %w", err)
	}
	client, err := fastembed.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return client, func() { client.Close(); nc.Close() }, nil
}
