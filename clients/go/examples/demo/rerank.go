package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// rerank orders the corpus for the first query in the worker, by the cosine of
// its vectors: a fleet without a cross-encoder ranks so. The best must be the
// sentence that the vectors themselves find.
func rerank(ctx context.Context, out io.Writer, client *fastembed.Client) error {
	ranker, err := client.NewTextRerank(ctx, modelName)
	if err != nil {
		return fmt.Errorf("the ranker: %w", err)
	}
	defer ranker.Close()
	q := queries[0]
	ranking, err := ranker.RerankDetailed(ctx, q.text, corpus, 0)
	if err != nil {
		return fmt.Errorf("ranking: %w", err)
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "rerank\t%s\tdocument\n", ranking.ScoreKind)
	name := q.text
	for _, r := range ranking.Results[:shown] {
		fmt.Fprintf(table, "%s\t%.3f\t%s\n", name, r.Score, r.Document)
		name = ""
	}
	_ = table.Flush() // an error of out shows in the check that follows, or not at all
	if best := ranking.Results[0].Index; best != q.want {
		return fmt.Errorf("for %q the worker ranks %q first, not %q", q.text, corpus[best], corpus[q.want])
	}
	return nil
}
