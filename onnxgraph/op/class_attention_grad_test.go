package op_test

import "testing"

func TestClassAttentionGrad(t *testing.T) { checkAttentionGrad(t, "pmx.ClassAttentionGrad", 1) }
