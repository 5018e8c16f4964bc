package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestTheProgramOfTheReadmeBuilds takes it as a reader would: out of the page,
// into a module of their own.
func TestTheProgramOfTheReadmeBuilds(t *testing.T) {
	program := goProgram(t, filepath.Join("..", "README.md"))
	if program != goProgram(t, filepath.Join(root, "README.md")) {
		t.Error("the project's page shows another program")
	}
	client, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	const path = "github.com/fastembed-nats/fastembed-nats/clients/go"
	for _, args := range [][]string{
		{"mod", "init", "example.com/scratch"},
		{"mod", "edit", "-go=1.25.0", "-require=" + path + "@v0.0.0", "-replace=" + path + "=" + client},
		{"mod", "tidy"},
		{"vet", "."},
		{"build", "-o", filepath.Join(dir, "program"), "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
}

func goProgram(t *testing.T, page string) string {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(b, -1)
	if len(blocks) != 1 {
		t.Fatalf("%s has %d Go programs", page, len(blocks))
	}
	return string(blocks[0][1])
}
