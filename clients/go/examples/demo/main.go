// Demo embeds a small corpus and five queries with the fleet that NATS_URL
// leads to, ranks the corpus for one of them in a worker, shows what was found,
// and checks it: the expected sentence must come
// first for every query, and one vector must be what other software computes.
// Its last line is then "demo: ok"; otherwise it exits with 1.
//
// It reads NATS_URL, NATS_USER, NATS_PASSWORD and NATS_INBOX_PREFIX, whose
// default is _INBOX.client for the user client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

const (
	modelName = "AllMiniLML6V2"
	timeout   = 60 * time.Second
)

func main() {
	if err := run(os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	fmt.Println("demo: ok")
}

func run(out io.Writer, env func(string) string) error {
	nc, err := connect(env)
	if err != nil {
		return err
	}
	defer nc.Close()
	client, err := fastembed.New(nc)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	model, err := client.NewTextEmbedding(ctx, modelName)
	if errors.Is(err, fastembed.ErrModelNotFound) {
		return fmt.Errorf("no worker on %s serves %s; start one with `fastembed-worker serve`", nc.ConnectedUrlRedacted(), modelName)
	}
	if err != nil {
		return err
	}
	defer model.Close()
	return search(ctx, out, client, model)
}

// connect follows the environment names of the nats CLI.
func connect(env func(string) string) (*nats.Conn, error) {
	url, user, inbox := env("NATS_URL"), env("NATS_USER"), env("NATS_INBOX_PREFIX")
	if url == "" {
		url = nats.DefaultURL
	}
	opts := []nats.Option{nats.Name("fastembed demo"), nats.Timeout(5 * time.Second)}
	if user != "" {
		opts = append(opts, nats.UserInfo(user, env("NATS_PASSWORD")))
	}
	if inbox == "" && user == "client" {
		inbox = "_INBOX.client"
	}
	if inbox != "" {
		opts = append(opts, nats.CustomInboxPrefix(inbox))
	}
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		return nil, fmt.Errorf("no connection to NATS: %w", err)
	}
	return nc, nil
}

func search(ctx context.Context, out io.Writer, client *fastembed.Client, model *fastembed.TextEmbedding) error {
	models, err := client.Models(ctx)
	if err != nil {
		return err
	}
	texts := make([]string, len(queries))
	for i, q := range queries {
		texts[i] = q.text
	}
	documents, err := model.EmbedDetailed(ctx, corpus, 4)
	if err != nil {
		return fmt.Errorf("embedding the corpus: %w", err)
	}
	asked, err := model.EmbedDetailed(ctx, texts, 0)
	if err != nil {
		return fmt.Errorf("embedding the queries: %w", err)
	}
	printModel(out, models, model.Info())
	printHits(out, documents, asked)
	printTimings(out, documents, asked)
	if err := rerank(ctx, out, client); err != nil {
		return err
	}
	ref, err := loadReference()
	if err != nil {
		return err
	}
	return check(out, documents, asked, ref)
}
