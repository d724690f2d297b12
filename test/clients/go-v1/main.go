// Calls every operation by AWS's SDK for Go, version 1, and prints the name of each that succeeds.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/glacier"
	"github.com/aws/aws-sdk-go/service/sts"
)

const (
	vault    = "from-go-v1"
	locked   = "locked-by-go-v1"
	topic    = "arn:aws:sns:us-east-1:123456789012:done"
	mebibyte = 1 << 20
)

func called(name string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	fmt.Println(name)
}

func check(what string, holds bool) {
	if !holds {
		log.Fatalf("not so: %s", what)
	}
}

func policy(effect, action, vault string) *string {
	return aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"%s","Principal":{"AWS":"*"},"Action":"%s",`+
			`"Resource":"arn:aws:glacier:us-east-1:123456789012:vaults/%s"}]}`, effect, action, vault))
}

func main() {
	endpoint := os.Getenv("MORAINE_URL")
	config := aws.NewConfig().WithEndpoint(endpoint).WithRegion(os.Getenv("AWS_DEFAULT_REGION")).WithMaxRetries(0)
	s := session.Must(session.NewSession(config))
	g := glacier.New(s)

	vaults(g)
	settings(g)
	lock(g)
	single, multi := archives(g)
	jobs(g, single)
	cleanUp(g, single, multi)

	identity, err := sts.New(s).GetCallerIdentity(&sts.GetCallerIdentityInput{})
	called("sts:GetCallerIdentity", err)
	check("the caller's account", *identity.Account == "123456789012")
}

func vaults(g *glacier.Glacier) {
	made, err := g.CreateVault(&glacier.CreateVaultInput{VaultName: aws.String(vault)})
	called("CreateVault", err)
	check("the location has the account", *made.Location == "/123456789012/vaults/"+vault)
	check("the vault exists", g.WaitUntilVaultExists(&glacier.DescribeVaultInput{VaultName: aws.String(vault)}) == nil)
	described, err := g.DescribeVault(&glacier.DescribeVaultInput{VaultName: aws.String(vault)})
	called("DescribeVault", err)
	check("a new vault is empty", *described.NumberOfArchives == 0)
	_, err = g.DescribeVault(&glacier.DescribeVaultInput{VaultName: aws.String("nowhere")})
	failure, isAws := err.(awserr.Error)
	check("the code of a missing vault", isAws && failure.Code() == glacier.ErrCodeResourceNotFoundException)
	pages := 0
	err = g.ListVaultsPages(&glacier.ListVaultsInput{Limit: aws.String("1")}, func(page *glacier.ListVaultsOutput, last bool) bool {
		pages++
		return true
	})
	called("ListVaults", err)
	check("one page", pages == 1)
}

func settings(g *glacier.Glacier) {
	name := aws.String(vault)
	_, err := g.AddTagsToVault(&glacier.AddTagsToVaultInput{VaultName: name, Tags: aws.StringMap(map[string]string{"a": "1", "b": "2"})})
	called("AddTagsToVault", err)
	_, err = g.RemoveTagsFromVault(&glacier.RemoveTagsFromVaultInput{VaultName: name, TagKeys: aws.StringSlice([]string{"b"})})
	called("RemoveTagsFromVault", err)
	tags, err := g.ListTagsForVault(&glacier.ListTagsForVaultInput{VaultName: name})
	called("ListTagsForVault", err)
	check("the tag that is left", len(tags.Tags) == 1 && *tags.Tags["a"] == "1")

	events := aws.StringSlice([]string{"ArchiveRetrievalCompleted"})
	_, err = g.SetVaultNotifications(&glacier.SetVaultNotificationsInput{
		VaultName: name, VaultNotificationConfig: &glacier.VaultNotificationConfig{SNSTopic: aws.String(topic), Events: events}})
	called("SetVaultNotifications", err)
	notifications, err := g.GetVaultNotifications(&glacier.GetVaultNotificationsInput{VaultName: name})
	called("GetVaultNotifications", err)
	check("the topic", *notifications.VaultNotificationConfig.SNSTopic == topic)
	_, err = g.DeleteVaultNotifications(&glacier.DeleteVaultNotificationsInput{VaultName: name})
	called("DeleteVaultNotifications", err)

	document := policy("Allow", "glacier:ListJobs", vault)
	_, err = g.SetVaultAccessPolicy(&glacier.SetVaultAccessPolicyInput{VaultName: name, Policy: &glacier.VaultAccessPolicy{Policy: document}})
	called("SetVaultAccessPolicy", err)
	access, err := g.GetVaultAccessPolicy(&glacier.GetVaultAccessPolicyInput{VaultName: name})
	called("GetVaultAccessPolicy", err)
	check("the policy", *access.Policy.Policy == *document)
	_, err = g.DeleteVaultAccessPolicy(&glacier.DeleteVaultAccessPolicyInput{VaultName: name})
	called("DeleteVaultAccessPolicy", err)

	rules := []*glacier.DataRetrievalRule{{Strategy: aws.String("BytesPerHour"), BytesPerHour: aws.Int64(10737418240)}}
	_, err = g.SetDataRetrievalPolicy(&glacier.SetDataRetrievalPolicyInput{Policy: &glacier.DataRetrievalPolicy{Rules: rules}})
	called("SetDataRetrievalPolicy", err)
	retrieval, err := g.GetDataRetrievalPolicy(&glacier.GetDataRetrievalPolicyInput{})
	called("GetDataRetrievalPolicy", err)
	check("the rule", *retrieval.Policy.Rules[0].BytesPerHour == 10737418240)

	_, err = g.PurchaseProvisionedCapacity(&glacier.PurchaseProvisionedCapacityInput{})
	called("PurchaseProvisionedCapacity", err)
	capacity, err := g.ListProvisionedCapacity(&glacier.ListProvisionedCapacityInput{})
	called("ListProvisionedCapacity", err)
	check("one unit", len(capacity.ProvisionedCapacityList) == 1)
}

func lock(g *glacier.Glacier) {
	name := aws.String(locked)
	_, err := g.CreateVault(&glacier.CreateVaultInput{VaultName: name})
	called("CreateVault", err)
	input := &glacier.InitiateVaultLockInput{
		VaultName: name, Policy: &glacier.VaultLockPolicy{Policy: policy("Deny", "glacier:DeleteArchive", locked)}}
	_, err = g.InitiateVaultLock(input)
	called("InitiateVaultLock", err)
	_, err = g.AbortVaultLock(&glacier.AbortVaultLockInput{VaultName: name})
	called("AbortVaultLock", err)
	initiated, err := g.InitiateVaultLock(input)
	called("InitiateVaultLock", err)
	_, err = g.CompleteVaultLock(&glacier.CompleteVaultLockInput{VaultName: name, LockId: initiated.LockId})
	called("CompleteVaultLock", err)
	state, err := g.GetVaultLock(&glacier.GetVaultLockInput{VaultName: name})
	called("GetVaultLock", err)
	check("the lock is complete", *state.State == "Locked")
	_, err = g.DeleteVault(&glacier.DeleteVaultInput{VaultName: name})
	called("DeleteVault", err)
}

// content has no two equal parts.
func content(size int) []byte {
	all := make([]byte, size)
	for i := range all {
		all[i] = byte(i * i >> 7)
	}
	return all
}

var whole = content(3*mebibyte/2 + 7)

func archives(g *glacier.Glacier) (single, multi *string) {
	name := aws.String(vault)
	uploaded, err := g.UploadArchive(&glacier.UploadArchiveInput{
		VaultName: name, ArchiveDescription: aws.String("by  Go"), Body: bytes.NewReader(whole)})
	called("UploadArchive", err)
	treeHash := hex.EncodeToString(glacier.ComputeHashes(bytes.NewReader(whole)).TreeHash)
	check("the tree hash", *uploaded.Checksum == treeHash)

	initiated, err := g.InitiateMultipartUpload(&glacier.InitiateMultipartUploadInput{VaultName: name, PartSize: aws.String("1048576")})
	called("InitiateMultipartUpload", err)
	for start := 0; start < len(whole); start += mebibyte {
		end := start + mebibyte
		if end > len(whole) {
			end = len(whole)
		}
		_, err = g.UploadMultipartPart(&glacier.UploadMultipartPartInput{
			VaultName: name, UploadId: initiated.UploadId, Body: bytes.NewReader(whole[start:end]),
			Range: aws.String(fmt.Sprintf("bytes %d-%d/*", start, end-1))})
		called("UploadMultipartPart", err)
	}
	parts := 0
	err = g.ListPartsPages(&glacier.ListPartsInput{VaultName: name, UploadId: initiated.UploadId, Limit: aws.String("1")},
		func(page *glacier.ListPartsOutput, last bool) bool {
			parts += len(page.Parts)
			return true
		})
	called("ListParts", err)
	check("two parts", parts == 2)
	open, err := g.ListMultipartUploads(&glacier.ListMultipartUploadsInput{VaultName: name})
	called("ListMultipartUploads", err)
	check("one upload", len(open.UploadsList) == 1)
	completed, err := g.CompleteMultipartUpload(&glacier.CompleteMultipartUploadInput{
		VaultName: name, UploadId: initiated.UploadId, ArchiveSize: aws.String(fmt.Sprint(len(whole))), Checksum: aws.String(treeHash)})
	called("CompleteMultipartUpload", err)
	dropped, err := g.InitiateMultipartUpload(&glacier.InitiateMultipartUploadInput{VaultName: name, PartSize: aws.String("1048576")})
	called("InitiateMultipartUpload", err)
	_, err = g.AbortMultipartUpload(&glacier.AbortMultipartUploadInput{VaultName: name, UploadId: dropped.UploadId})
	called("AbortMultipartUpload", err)
	return uploaded.ArchiveId, completed.ArchiveId
}

func finished(g *glacier.Glacier, parameters *glacier.JobParameters) *string {
	name := aws.String(vault)
	initiated, err := g.InitiateJob(&glacier.InitiateJobInput{VaultName: name, JobParameters: parameters})
	called("InitiateJob", err)
	for attempt := 0; attempt < 300; attempt++ {
		job, err := g.DescribeJob(&glacier.DescribeJobInput{VaultName: name, JobId: initiated.JobId})
		called("DescribeJob", err)
		if *job.Completed {
			check("the job succeeded", *job.StatusCode == "Succeeded")
			return initiated.JobId
		}
		time.Sleep(100 * time.Millisecond)
	}
	log.Fatal("the job does not end")
	return nil
}

func jobs(g *glacier.Glacier, archive *string) {
	name := aws.String(vault)
	job := finished(g, &glacier.JobParameters{Type: aws.String("archive-retrieval"), ArchiveId: archive, Tier: aws.String("Expedited")})
	output, err := g.GetJobOutput(&glacier.GetJobOutputInput{VaultName: name, JobId: job})
	called("GetJobOutput", err)
	body, err := io.ReadAll(output.Body)
	check("the bytes of the archive", err == nil && bytes.Equal(body, whole))
	check("the description", *output.ArchiveDescription == "by  Go")
	part, err := g.GetJobOutput(&glacier.GetJobOutputInput{VaultName: name, JobId: job, Range: aws.String("bytes=0-1048575")})
	called("GetJobOutput", err)
	body, err = io.ReadAll(part.Body)
	check("the bytes of a range", err == nil && *part.Status == 206 && bytes.Equal(body, whole[:mebibyte]))
	check("the tree hash of a range", part.Checksum != nil)
	list, err := g.ListJobs(&glacier.ListJobsInput{VaultName: name, Completed: aws.String("true")})
	called("ListJobs", err)
	check("one job", len(list.JobList) == 1)

	inventory, err := g.GetJobOutput(&glacier.GetJobOutputInput{
		VaultName: name, JobId: finished(g, &glacier.JobParameters{Type: aws.String("inventory-retrieval")})})
	called("GetJobOutput", err)
	var document struct{ ArchiveList []struct{ ArchiveId string } }
	check("the inventory", json.NewDecoder(inventory.Body).Decode(&document) == nil && len(document.ArchiveList) == 2)

	// As documented, of which the header that is signed is lost; and with the headers to send.
	request, _ := g.GetJobOutputRequest(&glacier.GetJobOutputInput{VaultName: name, JobId: job})
	url, err := request.Presign(time.Minute)
	called("presign", err)
	check("the bytes by a presigned URL", bytes.Equal(fetch(url, nil), whole))
	request, _ = g.GetJobOutputRequest(&glacier.GetJobOutputInput{VaultName: name, JobId: job})
	url, headers, err := request.PresignRequest(time.Minute)
	called("presign with headers", err)
	check("the bytes by a presigned URL and its headers", bytes.Equal(fetch(url, headers), whole))
}

func fetch(url string, headers http.Header) []byte {
	request, err := http.NewRequest("GET", url, nil)
	check("a URL", err == nil)
	for name, values := range headers {
		request.Header[name] = values
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 200 {
		log.Fatalf("presigned: %d %s", answer.StatusCode, body)
	}
	return body
}

func cleanUp(g *glacier.Glacier, archives ...*string) {
	for _, archive := range archives {
		_, err := g.DeleteArchive(&glacier.DeleteArchiveInput{VaultName: aws.String(vault), ArchiveId: archive})
		called("DeleteArchive", err)
	}
	_, err := g.DeleteVault(&glacier.DeleteVaultInput{VaultName: aws.String(vault)})
	called("DeleteVault", err)
}
