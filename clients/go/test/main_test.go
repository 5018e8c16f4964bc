// Package test runs the client against a real nats-server, with a worker made
// of Go that can be told to misbehave, and with the real one. It is a module of
// its own so that the client's users inherit none of its dependencies.
package test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, putOfNatsGo) }

// putOfNatsGo is a goroutine that nats.go 1.53.1 may leave behind when a test puts a
// small object into a bucket: Put forgets the channel of the connection's states when
// it ends, and a goroutine of its own that only then first runs waits for no channel
// at all. The client never publishes to JetStream, so nothing of it is hidden here.
var putOfNatsGo = goleak.IgnoreTopFunction(
	"github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect")

// patience bounds what a test waits for; nothing is expected to take that long.
const patience = 30 * time.Second

// background is a context that outlasts the test unless something hangs.
func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// connect returns a connection of the least-privileged user that may call.
func connect(t *testing.T, s *server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	return s.connect(t, "client", append([]nats.Option{clientInbox}, opts...)...)
}

var clientInbox = nats.CustomInboxPrefix("_INBOX.client")

func newClient(t *testing.T, s *server, opts ...fastembed.Option) *fastembed.Client {
	t.Helper()
	return clientOn(t, connect(t, s), opts...)
}

func clientOn(t *testing.T, nc *nats.Conn, opts ...fastembed.Option) *fastembed.Client {
	t.Helper()
	client, err := fastembed.New(nc, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func newModel(t *testing.T, client *fastembed.Client, name string, opts ...fastembed.EmbedOption) *fastembed.TextEmbedding {
	t.Helper()
	model, err := client.NewTextEmbedding(background(t), name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Close)
	return model
}

// await receives from a channel, for as long as is reasonable.
func await[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}
