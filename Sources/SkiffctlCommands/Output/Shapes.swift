// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The members of messages that are printed, with their default values; see `ProtoJSON`.
enum Shapes {
    static let imageSpec: JSON = .object([
        "image": "", "annotations": .object([]), "userSpecifiedImage": "", "runtimeHandler": "", "imageRef": "",
    ])

    static let podMetadata: JSON = .object(["name": "", "uid": "", "namespace": "", "attempt": zero])

    static let containerMetadata: JSON = .object(["name": "", "attempt": zero])

    static let podSandbox: JSON = .object([
        "id": "", "metadata": podMetadata, "state": "SANDBOX_READY", "createdAt": "0", "labels": .object([]),
        "annotations": .object([]), "runtimeHandler": "",
    ])

    static let container: JSON = .object([
        "id": "", "podSandboxId": "", "metadata": containerMetadata, "image": imageSpec, "imageRef": "",
        "state": "CONTAINER_CREATED", "createdAt": "0", "labels": .object([]), "annotations": .object([]),
        "imageId": "",
    ])

    static let image: JSON = .object([
        "id": "", "repoTags": .array([]), "repoDigests": .array([]), "size": "0", "uid": int64Value, "username": "",
        "spec": imageSpec, "pinned": .bool(false),
    ])

    static let idMapping: JSON = .object(["hostId": zero, "containerId": zero, "length": zero])

    static let podSandboxStatus: JSON = .object([
        "id": "", "metadata": podMetadata, "state": "SANDBOX_READY", "createdAt": "0",
        "network": .object(["ip": "", "additionalIps": .array([.object(["ip": ""])])]),
        "linux": .object(["namespaces": .object(["options": namespaceOption])]),
        "labels": .object([]), "annotations": .object([]), "runtimeHandler": "",
    ])

    static let containerStatus: JSON = .object([
        "id": "", "metadata": containerMetadata, "state": "CONTAINER_CREATED", "createdAt": "0", "startedAt": "0",
        "finishedAt": "0", "exitCode": zero, "image": imageSpec, "imageRef": "", "reason": "", "message": "",
        "labels": .object([]), "annotations": .object([]), "mounts": .array([mount]), "logPath": "",
        "resources": .object(["linux": resources]), "imageId": "",
        "user": .object(["linux": .object(["uid": "0", "gid": "0", "supplementalGroups": .array([])])]),
        "stopSignal": "SIGNAL_RUNTIME_DEFAULT",
    ])

    static let runtimeStatus: JSON = .object([
        "conditions": .array([.object(["type": "", "status": .bool(false), "reason": "", "message": ""])])
    ])

    static let runtimeHandlers: JSON = .array([
        .object([
            "name": "",
            "features": .object(["recursiveReadOnlyMounts": .bool(false), "userNamespaces": .bool(false)]),
        ])
    ])

    static let features: JSON = .object([
        "supplementalGroupsPolicy": .bool(false), "userNamespacesHostNetwork": .bool(false),
        "mountOptions": .bool(false),
    ])

    static let imageFsInfo: JSON = .object([
        "imageFilesystems": .array([filesystem]), "containerFilesystems": .array([filesystem]),
    ])

    static let version: JSON = .object([
        "version": "", "runtimeName": "", "runtimeVersion": "", "runtimeApiVersion": "",
    ])

    static let containerStats: JSON = .object([
        "attributes": .object([
            "id": "", "metadata": containerMetadata, "labels": .object([]), "annotations": .object([]),
        ]),
        "cpu": cpu, "memory": memory, "writableLayer": filesystem,
        "swap": .object(["timestamp": "0", "swapAvailableBytes": int64Value, "swapUsageBytes": int64Value]),
        "io": io,
    ])

    static let podStats: JSON = .object([
        "attributes": .object([
            "id": "", "metadata": podMetadata, "labels": .object([]), "annotations": .object([]),
        ]),
        "linux": .object([
            "cpu": cpu, "memory": memory,
            "network": .object([
                "timestamp": "0", "defaultInterface": interface, "interfaces": .array([interface]),
            ]),
            "process": .object(["timestamp": "0", "processCount": int64Value]),
            "containers": .array([containerStats]), "io": io,
        ]),
    ])

    static let podMetrics: JSON = .object([
        "podMetrics": .array([
            .object([
                "podSandboxId": "", "metrics": .array([metric]),
                "containerMetrics": .array([.object(["containerId": "", "metrics": .array([metric])])]),
            ])
        ])
    ])

    static let metricDescriptors: JSON = .object([
        "descriptors": .array([.object(["name": "", "help": "", "labelKeys": .array([])])])
    ])

    static let event: JSON = .object([
        "containerId": "", "containerEventType": "CONTAINER_CREATED_EVENT", "createdAt": "0",
        "podSandboxStatus": podSandboxStatus, "containersStatuses": .array([containerStatus]),
    ])

    private static let metric: JSON = .object([
        "name": "", "timestamp": "0", "metricType": "COUNTER", "labelValues": .array([]), "value": int64Value,
    ])

    private static let cpu: JSON = .object([
        "timestamp": "0", "usageCoreNanoSeconds": int64Value, "usageNanoCores": int64Value, "psi": pressure,
    ])

    private static let memory: JSON = .object([
        "timestamp": "0", "workingSetBytes": int64Value, "availableBytes": int64Value, "usageBytes": int64Value,
        "rssBytes": int64Value, "pageFaults": int64Value, "majorPageFaults": int64Value, "psi": pressure,
    ])

    private static let io: JSON = .object(["timestamp": "0", "psi": pressure])

    private static let pressure: JSON = .object(["Full": waiting, "Some": waiting])

    private static let waiting: JSON = .object(["Total": "0", "Avg10": zero, "Avg60": zero, "Avg300": zero])

    private static let interface: JSON = .object([
        "name": "", "rxBytes": int64Value, "rxErrors": int64Value, "txBytes": int64Value, "txErrors": int64Value,
    ])

    private static let zero = JSON.number("0")
    private static let int64Value: JSON = .object(["value": "0"])

    private static let namespaceOption: JSON = .object([
        "network": "POD", "pid": "POD", "ipc": "POD", "targetId": "",
        "usernsOptions": .object(["mode": "POD", "uids": .array([idMapping]), "gids": .array([idMapping])]),
    ])

    private static let mount: JSON = .object([
        "containerPath": "", "hostPath": "", "readonly": .bool(false), "selinuxRelabel": .bool(false),
        "propagation": "PROPAGATION_PRIVATE", "uidMappings": .array([idMapping]), "gidMappings": .array([idMapping]),
        "recursiveReadOnly": .bool(false), "image": imageSpec, "imageSubPath": "", "mountOptions": .array([]),
    ])

    private static let resources: JSON = .object([
        "cpuPeriod": "0", "cpuQuota": "0", "cpuShares": "0", "memoryLimitInBytes": "0", "oomScoreAdj": "0",
        "cpusetCpus": "", "cpusetMems": "",
        "hugepageLimits": .array([.object(["pageSize": "", "limit": "0"])]), "unified": .object([]),
        "memorySwapLimitInBytes": "0",
    ])

    private static let filesystem: JSON = .object([
        "timestamp": "0", "fsId": .object(["mountpoint": ""]), "usedBytes": int64Value, "inodesUsed": int64Value,
    ])
}
