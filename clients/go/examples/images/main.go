// Images finds the pictures among files that fit a text, with a pair of models that share one space.
//
// Usage: images [-model NAME] TEXT FILE.... It connects as examples/demo does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/examples/internal/dial"
)

func main() {
	log.SetFlags(0)
	name := flag.String("model", "ClipVitB32", "the model's name")
	flag.Parse()
	if err := run(context.Background(), *name); err != nil {
		log.Fatal("images: ", err)
	}
}

func run(ctx context.Context, name string) error {
	client, end, err := dial.Client()
	if err != nil {
		return err
	}
	defer end()
	paths := flag.Args()
	if len(paths) < 2 {
		return errors.New("a text and some files are needed")
	}
	query, paths := paths[0], paths[1:]
	pictures, err := client.NewImageEmbedding(ctx, name)
	if err != nil {
		return err
	}
	texts, err := client.NewTextEmbedding(ctx, name)
	if err != nil {
		return err
	}
	vectors, err := pictures.EmbedFiles(ctx, paths)
	var failed *fastembed.BatchError
	if errors.As(err, &failed) {
		for _, item := range failed.Items {
			log.Printf("%s: %v", paths[item.Index], item.Err)
		}
	} else if err != nil {
		return err
	}
	asked, err := texts.Embed(ctx, []string{query}, 0)
	if err != nil {
		return err
	}
	for _, hit := range fastembed.Nearest(asked[0], vectors, 10) {
		fmt.Printf("%8.4f  %s\n", hit.Score, paths[hit.Index])
	}
	return nil
}
