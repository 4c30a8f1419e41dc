package builders

import (
	"encoding/json"
	"reflect"
	"testing"

	"pmx/internal/errtest"
)

// TestArchitectureCheckConfig: every number of the architecture is compared.
func TestArchitectureCheckConfig(t *testing.T) {
	config := ViTConfig{ImageSize: 28, PatchSize: 7, Dim: 32, Depth: 2, Heads: 4, MLPRatio: 3}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	good := Architecture(config)
	for _, c := range [][]byte{text, []byte(`{}`), []byte(`{"heads": 4, "epochs": 3}`)} {
		if err := good.CheckConfig(c); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	fields := reflect.TypeFor[ArchitectureInfo]()
	compared := 0
	for i := range fields.NumField() {
		if fields.Field(i).Type.Kind() != reflect.Int {
			continue
		}
		compared++
		bad := good
		reflect.ValueOf(&bad).Elem().Field(i).SetInt(99)
		errtest.OneLine(t, bad.CheckConfig(text), fields.Field(i).Tag.Get("json")+" 99", "the run's configuration")
	}
	if compared != 6 {
		t.Errorf("%d numbers, want 6", compared)
	}
}
