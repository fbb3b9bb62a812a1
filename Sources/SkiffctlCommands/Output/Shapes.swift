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
