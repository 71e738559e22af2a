package main

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// deployed is where VMs and functions find the program.
type deployed struct {
	key string // in the bucket, for VMs
	zip string // a file, for functions
}

// key is where the owner's program is, in the bucket.
func (s settings) key() string { return "serflow/" + s.owner + "/worker" }

// load reads the program, and sets the settings' architecture.
func (s *settings) load() (program []byte, err error) {
	if s.program == "" {
		if s.program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if program, err = os.ReadFile(s.program); err != nil {
		return nil, err
	}
	if s.arch, err = archOf(program); err != nil {
		return nil, fmt.Errorf("%s: %w", s.program, err)
	}
	return program, nil
}

// deploy puts the program into the bucket, and into a zip file that the first function made of it
// uploads. It sets the settings' architecture.
func (s *settings) deploy(ctx context.Context, dir string) (d deployed, err error) {
	program, err := s.load()
	if err != nil {
		return d, err
	}
	d = deployed{s.key(), filepath.Join(dir, "worker.zip")}
	if err := zipped(d.zip, program); err != nil {
		return d, err
	}
	return d, s.upload(ctx, d.key, program)
}

func (s settings) upload(ctx context.Context, key string, program []byte) error {
	_, err := s.s3().PutObject(ctx, &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(program)})
	if err != nil {
		err = fmt.Errorf("the bucket %s, which must be there, in %s, and writable by iam-deploy.json: %w", s.bucket, s.config.Region, err)
	}
	return err
}

func (s settings) s3() *s3.Client {
	return s3.NewFromConfig(s.config, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}

// archOf is for which machine a program is, as Go names it.
func archOf(program []byte) (string, error) {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return "", fmt.Errorf("it does not run on Linux: build one with GOOS=linux, and name it with -program: %w", err)
	}
	switch f.Machine {
	case elf.EM_AARCH64:
		return "arm64", nil
	case elf.EM_X86_64:
		return "amd64", nil
	}
	return "", fmt.Errorf("it is for %v, which AWS does not sell", f.Machine)
}

// zipped writes a zip file as Lambda wants it: the program is called bootstrap, and may be run.
func zipped(path string, program []byte) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := zip.NewWriter(f)
	h := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate} // without a time: the same program makes the same file
	h.SetMode(0o755)
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	if _, err := w.Write(program); err != nil {
		return err
	}
	return z.Close()
}
