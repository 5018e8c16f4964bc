// Load calls the fleet that NATS_URL leads to from many goroutines, until it is
// interrupted or -for is over, and compares every vector with the first one of
// its text. It is what to run while workers are stopped, replaced or added.
//
// Each second it prints how many calls were answered, how many failed, and how
// many workers have answered so far. It exits with 1 if a call failed, if a
// vector differed, or if there was no call at all.
//
// It reads NATS_URL, NATS_USER, NATS_PASSWORD and NATS_INBOX_PREFIX, whose
// default is _INBOX.client for the user client.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

type settings struct {
	model   string
	callers int
	texts   int
	length  time.Duration
	timeout time.Duration
	retry   bool
}

func main() {
	var s settings
	flag.StringVar(&s.model, "model", "AllMiniLML6V2", "model to call")
	flag.IntVar(&s.callers, "callers", 8, "calls in flight at a time")
	flag.IntVar(&s.texts, "texts", 4, "texts in a call")
	flag.DurationVar(&s.length, "for", 0, "how long; 0 is until interrupted")
	flag.DurationVar(&s.timeout, "timeout", 30*time.Second, "deadline of a call")
	flag.BoolVar(&s.retry, "retry", true, "repeat attempts where that helps")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if s.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.length)
		defer cancel()
	}
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	nc, err := connect()
	if err != nil {
		return fmt.Errorf("no connection to NATS: %w", err)
	}
	defer nc.Close()
	policy := fastembed.NoRetry()
	if s.retry {
		policy = fastembed.DefaultRetryPolicy()
	}
	client, err := fastembed.New(nc, fastembed.WithRetry(policy), fastembed.WithDefaultTimeout(s.timeout))
	if err != nil {
		return err
	}
	defer client.Close()
	model, err := client.NewTextEmbedding(ctx, s.model)
	if err != nil {
		return err
	}
	defer model.Close()

	t := newTally()
	var callers sync.WaitGroup
	for caller := range s.callers {
		texts := make([]string, s.texts)
		for i := range texts {
			texts[i] = fmt.Sprintf("Caller %d asks for sentence number %d.", caller, i)
		}
		callers.Go(func() {
			for ctx.Err() == nil {
				// Not ctx: when the time is over, what is in flight is still waited for.
				result, err := model.EmbedDetailed(context.Background(), texts, 0)
				t.add(texts, result, err)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		callers.Wait()
		close(over)
	}()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
			fmt.Println(t)
		case <-over:
			fmt.Println(t)
			return t.verdict()
		}
	}
}

// connect follows the environment names of the nats CLI.
func connect() (*nats.Conn, error) {
	url, user, inbox := os.Getenv("NATS_URL"), os.Getenv("NATS_USER"), os.Getenv("NATS_INBOX_PREFIX")
	if url == "" {
		url = nats.DefaultURL
	}
	opts := []nats.Option{nats.Name("fastembed load"), nats.MaxReconnects(-1)}
	if user != "" {
		opts = append(opts, nats.UserInfo(user, os.Getenv("NATS_PASSWORD")))
	}
	if inbox == "" && user == "client" {
		inbox = "_INBOX.client"
	}
	if inbox != "" {
		opts = append(opts, nats.CustomInboxPrefix(inbox))
	}
	return nats.Connect(url, opts...)
}
