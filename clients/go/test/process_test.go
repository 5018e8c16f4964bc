package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// worker is a real fastembed-worker process.
type worker struct {
	cmd    *exec.Cmd
	exited chan error

	mu       sync.Mutex
	tail     []string // its last log lines
	instance string
	http     string
}

// startWorker starts a worker with a configuration file of its own and returns
// when it serves.
func startWorker(t *testing.T, s *server, config string) *worker {
	t.Helper()
	return startWorkerAt(t, s.url(), config)
}

// startWorkerAt adds to the worker's environment, where the last word wins.
func startWorkerAt(t *testing.T, url, config string, env ...string) *worker {
	t.Helper()
	file := filepath.Join(t.TempDir(), "worker.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	suffix := "so"
	if runtime.GOOS == "darwin" {
		suffix = "dylib"
	}
	w := &worker{exited: make(chan error, 1)}
	w.cmd = exec.Command(found(t, "target/release/fastembed-worker", "make build"), "serve", "--config", file)
	w.cmd.Env = []string{
		"NATS_URL=" + url, "NATS_USER=worker", "NATS_PASSWORD=worker",
		"FASTEMBED_HTTP_LISTEN=127.0.0.1:0", "FASTEMBED_RUNTIME_OFFLINE=true",
		"ORT_DYLIB_PATH=" + found(t, ".setup/onnxruntime/lib/libonnxruntime."+suffix, "make setup"),
		"HF_HOME=" + found(t, ".setup/hub", "make setup"),
	}
	w.cmd.Env = append(w.cmd.Env, env...)
	logs, err := w.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		w.follow(logs, ready)
		w.exited <- w.cmd.Wait()
	}()
	t.Cleanup(func() { w.stop(t) })
	select {
	case <-ready:
	case err := <-w.exited:
		w.cmd = nil
		t.Fatalf("the worker ended: %v\n%s", err, w.logs())
	case <-time.After(patience):
		t.Fatalf("the worker does not say that it is ready\n%s", w.logs())
	}
	return w
}

// follow reads the log to its end and closes ready at the line that says so.
func (w *worker) follow(logs io.Reader, ready chan struct{}) {
	lines := bufio.NewScanner(logs)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		w.mu.Lock()
		w.tail = append(w.tail[max(0, len(w.tail)-49):], lines.Text())
		w.mu.Unlock()
		var line struct{ Message, Instance, HTTP string }
		if ready != nil && json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "ready" {
			w.instance, w.http = line.Instance, line.HTTP
			close(ready)
			ready = nil
		}
	}
}

func (w *worker) logs() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.tail, "\n")
}

// kill ends the worker as a lack of memory would.
func (w *worker) kill(t *testing.T) {
	t.Helper()
	_ = w.cmd.Process.Kill() // fails only if it ended by itself
	_ = await(t, w.exited, "the end of the worker")
	w.cmd = nil
}

// stop asks the worker to drain, as an orchestrator would, and waits for it.
func (w *worker) stop(t *testing.T) {
	t.Helper()
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Signal(syscall.SIGTERM) // fails only if it ended by itself
	if err := await(t, w.exited, "the end of the worker"); err != nil {
		t.Errorf("the worker ended with %v\n%s", err, w.logs())
	}
	w.cmd = nil
}

// answered returns how many text requests the worker has answered.
func (w *worker) answered(t *testing.T, nc *nats.Conn) int {
	t.Helper()
	return w.stats(t, nc).Requests
}

// inFlight returns how many requests the worker holds.
func (w *worker) inFlight(t *testing.T, nc *nats.Conn) int {
	t.Helper()
	return w.stats(t, nc).Data.InFlight
}

// metric returns the value of a metric, given with its labels where it has
// several samples; 0 where it is not served yet.
func (w *worker) metric(t *testing.T, name string) float64 {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	page, err := client.Get("http://" + w.http + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = page.Body.Close() }()
	for lines := bufio.NewScanner(page.Body); lines.Scan(); {
		sample, value, ok := strings.Cut(lines.Text(), "} ")
		sample += "}"
		if !ok || sample != name && !strings.HasPrefix(sample, name+"{") {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	return 0
}

// textStats is what a worker says of its first text endpoint.
type textStats struct {
	Name     string `json:"name"`
	Requests int    `json:"num_requests"`
	Data     struct {
		InFlight int `json:"in_flight"`
	} `json:"data"`
}

func (w *worker) stats(t *testing.T, nc *nats.Conn) textStats {
	t.Helper()
	m, err := nc.Request("$SRV.STATS.fastembed."+w.instance, nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	var stats struct {
		Endpoints []textStats `json:"endpoints"`
	}
	if err := json.Unmarshal(m.Data, &stats); err != nil {
		t.Fatal(err)
	}
	for _, e := range stats.Endpoints {
		if strings.HasPrefix(e.Name, "text_") {
			return e
		}
	}
	t.Fatalf("no text endpoint in %s", m.Data)
	return textStats{}
}

// fakeModel configures a model of hash vectors.
func fakeModel(more string) string {
	return fmt.Sprintf("[[models]]\nname = \"Fake\"\nkind = \"fake\"\n%s\n", more)
}

const realModel = "[[models]]\nname = \"AllMiniLML6V2\"\n"
