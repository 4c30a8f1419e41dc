package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestREADMETable follows the README's table "I want to" line by line, on small data
// with a small encoder.
func TestREADMETable(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := drawAll(dir); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	const tiny = "image_size=8,patch_size=4,dim=12,depth=1,heads=3,hidden=8,out_dim=4,batch=8,epochs=2,warmup_epochs=0"
	const tinyDetector = "batch=2,epochs=1,image_size=32,pretrain_size=32,dim=12,depth=1,heads=2,global_blocks=0,fpn=8,box_fcs=8,mask_dim=8,rpn_batch=16,roi_batch=8"
	more := map[string]string{ // what makes a line small, by how it begins
		"pmx train --preset photos":       "--runtime reference --set " + tiny,
		"pmx preview --preset photos":     "--set batch=8",
		"pmx eval knn":                    "--runtime reference --k 3",
		"pmx finetune":                    "--runtime reference --set batch=8,epochs=1",
		"pmx eval linear":                 "--runtime reference --epochs 1",
		"pmx export":                      "--runtime reference",
		"pmx embed":                       "--runtime reference",
		"pmx build-graph --preset photos": "--set " + tiny,
		"pmx detect train":                "--runtime reference --no-knn --set " + tinyDetector,
	}
	makes := map[string]string{ // what a line needs first
		"pmx detect train": "detect generate --scenes SCENES --images 4",
		"pmx detect score": "detect generate --gt instances.json --results results.json --images 4",
	}
	run := func(line string) {
		t.Helper()
		var out, stderr bytes.Buffer
		if code := Main(t.Context(), strings.Fields(line), &out, &stderr); code != ExitOK {
			t.Errorf("pmx %s: exit code %d: %s", line, code, stderr.String())
		}
	}
	lines := 0
	for row := range strings.Lines(string(text)) {
		cells := strings.Split(row, "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[2]), "`pmx ") {
			continue
		}
		line := strings.Trim(strings.TrimSpace(cells[2]), "`")
		if strings.Contains(line, "--device cuda") {
			continue // is read by TestExamplesResolve
		}
		lines++
		for begin, first := range makes {
			if strings.HasPrefix(line, begin) {
				run(first)
			}
		}
		for begin, rest := range more {
			if strings.HasPrefix(line, begin) {
				line += " " + rest
			}
		}
		run(strings.TrimPrefix(strings.ReplaceAll(line, "PHOTOS", "classes"), "pmx "))
		for _, made := range strings.Split(cells[3], ",") {
			made = strings.Trim(strings.TrimSpace(made), "`")
			if strings.ContainsAny(made, " ") || !strings.Contains(made, ".") {
				continue
			}
			if _, err := os.Stat(made); err != nil {
				t.Errorf("%s made no %s", line, made)
			}
		}
	}
	if lines < 8 {
		t.Errorf("the table has %d lines that were followed", lines)
	}
}
