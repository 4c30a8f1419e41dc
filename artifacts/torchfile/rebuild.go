package torchfile

// call gives what a call of a named class or function stands for: the few that
// tensors and dictionaries are made of, for all others an Object.
func (u *unpickler) call(callee any, args Tuple) any {
	global, ok := callee.(Global)
	if !ok {
		return u.object(callee)
	}
	switch name := global.String(); name {
	case "collections.OrderedDict", "collections.defaultdict", "builtins.dict":
		return u.dict(name, args)
	case "torch.Size":
		return u.size(args)
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
		return u.tensor(args, true)
	case "torch._utils._rebuild_tensor_v3":
		return u.tensor(args, false)
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		if len(args) > 0 {
			if t, ok := args[0].(*Tensor); ok {
				return t
			}
			if o, ok := args[0].(*Object); ok {
				fail("a parameter is made by %.200s, which is not called", o.Class)
			}
		}
		fail("a parameter without a tensor")
	case "torch._tensor._rebuild_from_type_v2": // function, subclass, arguments, attributes
		if len(args) >= 3 {
			if inner, ok := args[2].(Tuple); ok {
				return u.call(args[0], inner)
			}
		}
		fail("a tensor of a subclass without arguments")
	}
	return u.object(global)
}

// object is the record of a class that is not made.
func (u *unpickler) object(class any) *Object {
	u.spend(containerCost)
	o := &Object{Class: "a Python object"}
	switch class := class.(type) {
	case Global:
		o.Class = class.String()
	case *Object:
		o.Class = class.Class
	}
	u.classes[o.Class] = true
	return o
}

// dict is an empty dictionary, or Python 2's of [[key, value], ...]; a defaultdict's
// argument is the class of its defaults.
func (u *unpickler) dict(class string, args Tuple) *Dict {
	u.spend(containerCost)
	d := &Dict{}
	if len(args) == 0 || class == "collections.defaultdict" {
		return d
	}
	pairs, ok := args[0].(*List)
	if !ok {
		fail("a dictionary made of what is not a list of pairs")
	}
	u.spend(4 * len(pairs.Items))
	for _, item := range pairs.Items {
		pair, isTuple := item.(Tuple)
		if list, isList := item.(*List); isList {
			pair, isTuple = list.Items, true
		}
		if !isTuple || len(pair) != 2 {
			fail("a dictionary made of what is not a list of pairs")
		}
		d.Set(pair[0], pair[1])
	}
	return d
}

// size is the tuple that a torch.Size is.
func (u *unpickler) size(args Tuple) Tuple {
	if len(args) == 1 {
		switch sizes := args[0].(type) {
		case Tuple:
			return sizes
		case *List:
			return u.tuple(sizes.Items)
		}
	}
	fail("a torch.Size that is not of numbers")
	return nil
}

func (u *unpickler) tensor(args Tuple, typed bool) *Tensor {
	u.spend(tensorCost)
	t, err := rebuildTensor(args, typed)
	if err != nil {
		panic(failure{err})
	}
	return t
}
