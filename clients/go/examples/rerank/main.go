// Rerank puts documents in the order in which they answer a question.
//
// Usage: rerank [-model NAME]. It connects as examples/demo does.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/examples/internal/dial"
)

func main() {
	log.SetFlags(0)
	name := flag.String("model", "BGERerankerBase", "the model's name")
	flag.Parse()
	if err := run(context.Background(), *name); err != nil {
		log.Fatal("rerank: ", err)
	}
}

var documents = []string{
	"The ferry to the islands leaves twice a day in winter.",
	"Penguins huddle together to keep warm through the polar night.",
	"Interest rates rose again, and so did the price of a mortgage.",
	"An octopus can squeeze through a gap no larger than its beak.",
}

func run(ctx context.Context, name string) error {
	client, end, err := dial.Client()
	if err != nil {
		return err
	}
	defer end()
	model, err := client.NewTextRerank(ctx, name)
	if err != nil {
		return err
	}
	result, err := model.RerankDetailed(ctx, "which animals live in the cold?", documents, 0, fastembed.WithTopN(3))
	if err != nil {
		return err
	}
	fmt.Println("scores are of kind", result.ScoreKind)
	for _, r := range result.Results {
		fmt.Printf("%8.4f  %s\n", r.Score, r.Document)
	}
	return nil
}
