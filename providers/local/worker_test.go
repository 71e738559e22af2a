//go:build unix

package local_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
)

// fakeWorker is what a child of the tests does. The first word of its setup says how.
func fakeWorker() {
	time.AfterFunc(2*time.Minute, func() { os.Exit(9) }) // should a test forget it
	input := bufio.NewReader(os.Stdin)
	if os.Getenv("LOCAL_TEST_DEAF") != "" {
		select {}
	}
	line, err := input.ReadString('\n')
	var start launch.Start
	if err == nil {
		err = json.Unmarshal([]byte(line), &start)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "no start: %v\n", err)
		os.Exit(2)
	}
	mode, _, _ := strings.Cut(start.Setup, " ")
	if mode != "stubborn" {
		go func() {
			io.Copy(io.Discard, input)
			os.Exit(0)
		}()
	}
	switch mode {
	case "never":
		fmt.Println("still loading")
		select {}
	case "late":
		fmt.Println("not yet")
		_, path, _ := strings.Cut(start.Setup, " ")
		await(path)
	case "dies":
		fmt.Fprint(os.Stderr, "no such model")
		os.Exit(3)
	case "garbage":
		fmt.Println("serflow-worker is ready")
		select {}
	case "cannot":
		fmt.Println(`serflow-worker {"error":"model.onnx is damaged"}`)
		os.Exit(1)
	}
	serve(start)
}

func serve(start launch.Start) {
	listener, err := net.Listen("tcp", start.Listen)
	if err != nil {
		fmt.Printf("serflow-worker {\"error\":%q}\n", err)
		os.Exit(1)
	}
	fmt.Println("hello")
	fmt.Printf("serflow-worker {\"address\":%q}\n", listener.Addr())
	http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if start.Kind == launch.Function {
			if r.Method != http.MethodPost || r.URL.Path != launch.InvokePath || r.Header.Get("Authorization") != "Bearer "+start.Credential {
				http.Error(w, "who are you", http.StatusUnauthorized)
				return
			}
		}
		body, _ := io.ReadAll(r.Body)
		do(w, start, string(body))
	}))
}

// do does what a call asks for.
func do(w http.ResponseWriter, start launch.Start, body string) {
	verb, object, _ := strings.Cut(body, " ")
	switch verb {
	case "pid":
		fmt.Fprint(w, os.Getpid())
	case "start":
		json.NewEncoder(w).Encode(start)
	case "process":
		fmt.Fprintf(w, "%q %s", os.Args[1:], os.Getenv(object))
	case "wait": // says that it has begun, and ends when the test says so
		os.WriteFile(object+".begun", fmt.Append(nil, os.Getpid()), 0o600)
		await(object)
		fmt.Fprint(w, os.Getpid())
	case "close": // the next call has to connect anew
		w.Header().Set("Connection", "close")
	case "fail":
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "stage 2\n\x00\x1b failed%s", strings.Repeat("!", 1000))
	case "move":
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case "exit":
		fmt.Fprintln(os.Stderr, "out of memory")
		os.Exit(3)
	case "break":
		panic(http.ErrAbortHandler)
	case "hang":
		select {}
	default:
		fmt.Fprint(w, body)
	}
}

// await waits until a test has made a file.
func await(path string) {
	for _, err := os.Stat(path); err != nil; _, err = os.Stat(path) {
		time.Sleep(5 * time.Millisecond)
	}
}
