package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// shown is how many hits of a query are printed.
const shown = 3

func printModel(out io.Writer, models []fastembed.Model, info fastembed.Info) {
	workers := 0
	for _, m := range models {
		if m.Op == info.Op && m.Name == info.Model {
			workers = m.Instances
		}
	}
	fmt.Fprintf(out, "model       %s, %d dimensions, up to %d tokens\n", info.Model, info.Dimensions, info.MaxTokens)
	fmt.Fprintf(out, "space       %s\n", info.Space)
	fmt.Fprintf(out, "workers     %d\n\n", workers)
}

func printHits(out io.Writer, documents, asked *fastembed.Embeddings) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "query\tscore\ttokens\thit")
	for i, q := range queries {
		name := q.text
		for _, h := range rank(asked.Vectors[i], documents.Vectors)[:shown] {
			fmt.Fprintf(table, "%s\t%.3f\t%d\t%s\n", name, h.score, documents.Tokens[h.index], corpus[h.index])
			name = ""
		}
	}
	_ = table.Flush() // an error of out shows in the check that follows, or not at all
}

func printTimings(out io.Writer, documents, asked *fastembed.Embeddings) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "call\ttexts\ttokens\trequests\tinstances\telapsed\ttokenize\tqueue\tinfer")
	for _, call := range []struct {
		name string
		*fastembed.Embeddings
	}{{"corpus", documents}, {"queries", asked}} {
		var tokens uint32
		for _, n := range call.Tokens {
			tokens += n
		}
		t := call.Timings
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%v\t%v\t%v\t%v\n", call.name, len(call.Vectors), tokens,
			call.Requests, len(call.Instances), ms(t.Elapsed), ms(t.Tokenize), ms(t.Queue), ms(t.Infer))
	}
	_ = table.Flush()
}

func ms(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
