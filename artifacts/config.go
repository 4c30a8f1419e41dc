package artifacts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// WriteConfig writes the resolved configuration, any value that encodes as a
// JSON object.
func (r *RunDir) WriteConfig(config any) error { return writeJSON(r.Path(ConfigName), config) }

// ReadConfig reads the configuration into config, a pointer. Fields that
// config does not have are an error.
func (r *RunDir) ReadConfig(config any) error {
	data, err := r.readConfig()
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(config); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok { // names types of Go
			key := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:] // behind the fields of Go that hold it
			err = fmt.Errorf("key %q holds a JSON %s: restore the original value", key, wrong.Value)
		}
		return fmt.Errorf("artifacts: %s: %w", r.Path(ConfigName), err)
	}
	return nil
}

func (r *RunDir) readConfig() ([]byte, error) {
	data, err := readFile(r.Path(ConfigName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := r.Checkpoints().Newest(); errors.Is(err, ErrNoCheckpoint) {
			return nil, fmt.Errorf("artifacts: %s has no %s, since it was stopped before it began: start again with --overwrite", r.path, ConfigName)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("artifacts: %w: put it back", err)
	}
	if err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	if !json.Valid(data) {
		return nil, fmt.Errorf("artifacts: %s is damaged, it is not JSON: restore it from a copy", r.Path(ConfigName))
	}
	return data, nil
}

// CompareConfigs lists what differs between two configurations, values that encode as
// JSON objects. Numbers are compared as numbers. Keys to ignore (those that may change
// on resume) are dotted paths, such as "log.every"; they cover everything below them.
func CompareConfigs(before, now any, ignore ...string) ([]string, error) {
	flatBefore, err := flattenValue(before)
	if err != nil {
		return nil, err
	}
	flatNow, err := flattenValue(now)
	if err != nil {
		return nil, err
	}
	var differences []string
	keys := maps.Clone(flatBefore)
	maps.Copy(keys, flatNow)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if was, is := flatBefore[key], flatNow[key]; !sameValue(was, is) && !covered(key, ignore) {
			differences = append(differences, fmt.Sprintf("%s was %s, is now %s", key, orAbsent(was), orAbsent(is)))
		}
	}
	return differences, nil
}

// sameValue compares JSON texts, those of numbers as numbers.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y && !bothWhole(a, b) // whole numbers beyond 2^53 are exact as text only
}

func bothWhole(a, b string) bool { return !strings.ContainsAny(a+b, ".eE") }

func flattenValue(config any) (map[string]string, error) {
	data, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("artifacts: config: %w", err)
	}
	flat, err := flatten(data)
	if err != nil {
		return nil, fmt.Errorf("artifacts: config: %w", err)
	}
	return flat, nil
}

// ConfigHash is the SHA-256 of config as JSON with sorted keys, without the keys
// to ignore (see CompareConfigs).
func ConfigHash(config any, ignore ...string) (string, error) {
	flat, err := flattenValue(config)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		if !covered(key, ignore) {
			fmt.Fprintf(h, "%q %s\n", key, flat[key])
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// flatten turns a JSON object into its leaves: dotted key to JSON text. Empty
// objects and lists are leaves; null is as good as absent.
func flatten(data []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a seed of 64 bits is not a float64
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	leaves := map[string]string{}
	var visit func(key string, v any)
	visit = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, member := range v {
				visit(strings.TrimPrefix(key+"."+k, "."), member)
			}
		case nil:
		default: // lists stay whole: they are short, and read better so
			text, _ := json.Marshal(v) // what came from JSON goes to JSON
			leaves[key] = string(text)
		}
	}
	visit("", object)
	return leaves, nil
}

func covered(key string, ignore []string) bool {
	return slices.ContainsFunc(ignore, func(i string) bool { return key == i || strings.HasPrefix(key, i+".") })
}

func orAbsent(s string) string {
	if s == "" {
		return "absent"
	}
	return s
}
