package ortcheckpoint

// The fields of each table, numbered as the format has them. Tables begin with a
// list of their fields' places, and a number that a file does not have reads as 0.

const (
	identifier = "ODTC"
	version    = 2
)

const ( // root
	rootVersion         = iota // int32
	rootModule                 // table
	rootOptimizerGroups        // vector of tables
	rootProperties             // table
	rootFields
)

const ( // module state
	moduleTrainable    = iota // vector of tensors, required
	moduleFrozen              // vector of tensors, required
	moduleNominal             // bool: names without data
	moduleExternalData        // bool: data in another file
	moduleFields
)

const ( // tensor
	tensorName           = iota // string
	tensorDoc                   // string
	tensorDims                  // vector of int64
	tensorDType                 // int32, as ONNX numbers element types
	tensorRaw                   // vector of bytes, little-endian elements
	tensorStrings               // vector of strings
	tensorExternalOffset        // int64, default -1
	tensorFields
)

const ( // optimizer group
	groupName   = iota // string
	groupStep          // int64
	groupLR            // float
	groupStates        // vector of tables
	groupFields
)

const ( // optimizer state of one parameter
	stateParam   = iota // string
	stateMoments        // vector of tensors
	stateFields
)

// The names of the tensors in stateMoments.
const firstMoment, secondMoment = "momentum0", "momentum1"

const ( // properties
	propertyInts = iota // vectors of entries
	propertyFloats
	propertyStrings
	propertyFields
)

const ( // property entry
	entryName  = iota // string
	entryValue        // int64, float or string
	entryFields
)
